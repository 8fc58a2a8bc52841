export { isUuid } from '../../runtime/base/uuid';
